"""The commands, one a module; each module's `command` is what the command line runs."""
