"""Overlays: a series kept as whole files beside a Kubespray, with a record of what they are for."""
