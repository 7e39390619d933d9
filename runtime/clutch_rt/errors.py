"""The errors a user can meet. Every message says what was found, what was wanted, and what to do."""

from __future__ import annotations


class ClutchError(Exception):
    """Base of every error raised on purpose by this package; its text is meant for the user's eyes."""


class InputError(ClutchError, ValueError):
    """A text, number, option or array given by the caller cannot be used."""


class BundleError(ClutchError):
    """A bundle is missing, damaged, tampered with, or of a format this version does not read."""


class FileFormatError(ClutchError):
    """A motion or hand file cannot be read or written: wrong ending, shape, values or content."""


class UnsafeFileError(FileFormatError):
    """A file tried to run code while being read, and was refused."""


class DeviceError(ClutchError):
    """The execution device that was asked for cannot be had on this machine."""


class MissingExtraError(ClutchError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""


class Cancelled(ClutchError):
    """A generation was stopped by its caller before it ended."""


class GrammarError(ClutchError, ValueError):
    """A token sequence is not a motion."""
