"""SXMNet for X-ray images of bags: a plugin for MMEngine and MMPretrain."""

__version__ = '0.1.0'
