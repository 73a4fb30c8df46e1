"""What operators see of Holdpoint: lines of the log, figures, traces, and whether it is fit to serve."""
