"""What the checker's decision is worth on photos with truth: the proof that an alert deserves a walk to the bin.

    protocol       which bins are wrong, and by how much: drawn from fixed seeds
    judging        every bin by the checker's own `decide`
    ranking        figures of a score that should tell wrong bins from right ones
    measure        all figures at each rate of mismatches, for one photo a bin and for several
    correlation    how much photos of one bin repeat each other, from bins photographed twice
    study          what another policy would have done
    plots, page    the report

Numpy; no torch, and matplotlib only for the plots.
"""
