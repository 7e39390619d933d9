"""Studies: what each part of the method is worth, every arm trained alike for the same processor time.

``python -m train.studies run=RUN study=NAME seeds=3 minutes=M out=DIR`` trains the arms of a study from the
corpus, SHIFT and tokens of a run, which is only read; judges them on validation clips; and writes
``DIR/NAME/study.md`` and ``study.json``, anew after each arm. What is done is not done again.
"""
