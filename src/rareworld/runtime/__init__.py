"""Running stages over many items: workers, resume, quarantine, progress."""
