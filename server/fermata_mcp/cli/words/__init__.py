"""The words of the command line: times, names of what tools call otherwise, the Tab key, the manual page."""
