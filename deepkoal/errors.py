"""The expected failures; each is one line: what was expected, what came, and what to do."""


class DeepkoalError(Exception):
    """An expected failure: what was expected, what came, and what to do about it, in one line."""


class PhotoError(DeepkoalError):
    """A photo file that cannot be read or written."""


class RecordsError(DeepkoalError):
    """Training records that are missing, damaged or made by another version or setting."""


class OtherPhotosError(RecordsError):
    """Records that were made from other photos or under other settings than asked for."""


class WeightsError(DeepkoalError):
    """Weights that are missing, damaged or meant for another network."""


class RunError(DeepkoalError):
    """A training run that cannot be started or continued as asked."""
