"""Known escapes from containers and kernels, by name: none of them leads out."""
