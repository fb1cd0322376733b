"""A fork: the series kept over many releases and branches, without a checkout."""
