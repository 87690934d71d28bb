"""What may be published of a file, a table or an error: the one policy, used for every format.

Three kinds of statements are told apart:

identity
    Who somebody is, whose a device is, where a file lay: patient and subject names and numbers, birth dates,
    addresses, operators, users, computers, paths, serial numbers, positions. Published never.
free text
    Comments, notes, descriptions, study names: people write names into them. Published only where the
    dataset's tables say that the species is not human.
facts
    Rates, filters, gains, electrodes, objectives, stains, sex, species: published, by an allow-list for
    each format (`facts`), or by their names where users name things themselves (`words`).

What no list names is left out and counted. `screening` applies this to what a reader yields, `tables` to the
dataset's own tables and record, `texts` to names, sentences and messages, `species` says what the tables
state.
"""
