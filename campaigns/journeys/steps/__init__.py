"""Hold the kinds of journey steps, one file each. See docs/how-to/add-a-journey-step.md."""
