"""What commands read from clusters: contexts of a kubeconfig, the installation, applications and namespaces."""
