"""Clusters that the tests of the doctor look at; all are made here, none is recorded."""
