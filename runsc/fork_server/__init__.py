"""A process that has imported everything, from which sandboxes start by a fork.

`protocol` is what is said between a command and the server, `client` the command's side, `server` the server's, `likeness` says
when a child of the server may stand for the command.
"""
