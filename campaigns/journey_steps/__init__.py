"""The kinds of steps of journeys, a file each. See docs/how-to/add-a-journey-step.md."""
