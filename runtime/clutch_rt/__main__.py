"""``python -m clutch_rt`` is ``clutch-rt``."""

from clutch_rt.cli import main

main()
