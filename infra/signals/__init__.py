"""What this process tells about itself and its store: metrics, /healthz and /readyz."""
