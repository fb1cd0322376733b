"""Plain Kubernetes manifests and Helm values that get a toleration, edited byte for byte."""
