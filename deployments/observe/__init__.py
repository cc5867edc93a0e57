"""Observer side: store what clusters say, judge, notice drift, tell who looks. One active at a time."""
