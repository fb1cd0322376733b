"""kubespray-patchgen: verified git patches for Kubespray trees."""

__version__ = "0.1.0"
