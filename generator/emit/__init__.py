"""Emission: a verified series as mails, a diff, files, a changed work tree, or commits."""
