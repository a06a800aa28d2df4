"""Everything that makes and ships the model; of the checker it knows only the domain and the decision."""
