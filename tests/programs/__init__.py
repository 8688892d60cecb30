"""Real programs, used for real: natively and inside, from one root directory of Debian's packages."""
