"""Cards: everything that must be said of a rule before it is used, made from its file, its run and a
district's answers: TRIPOD+AI, the transparency record, fairness, a hazard log and an equality draft."""
