"""Bins with their truth, brought from a bucket or a folder into a data folder, checked.

    sources   where bins come from: a folder, or (s3) a bucket
    choice    which of them are wanted
    checks    what makes a pair of photo and metadata complete
    folder    the files of the data folder: written whole or not at all
    journal   what became of each bin, so that nothing is done twice
    fetching  the loop over all of these

Nothing here grows with the number of bins: a bucket of half a million takes the memory of a hundred photos.
"""

from training.fetch.choice import All, Listed, PerClass, Sample, Selection
from training.fetch.fetching import Estimate, Summary, estimate, fetch
from training.fetch.sources import FolderSource, PatientSource, Source

__all__ = [
    "All",
    "Estimate",
    "FolderSource",
    "Listed",
    "PatientSource",
    "PerClass",
    "Sample",
    "Selection",
    "Source",
    "Summary",
    "estimate",
    "fetch",
]
