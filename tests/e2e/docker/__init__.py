"""Engines that drive the runtime: dockerd and containerd."""
