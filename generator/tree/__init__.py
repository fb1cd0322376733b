"""Trees: where the files of a Kubespray come from, as paths and bytes."""
