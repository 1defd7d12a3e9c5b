"""Options, input files and output plans that commands share."""
