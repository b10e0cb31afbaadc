"""What `make run` starts: everything the workbench needs, as children of one process that ends them all.

claim.py    one launcher per home folder, and where to reach the one that runs
child.py    one program that is kept running, and ended with whatever it started
broker.py   which Redis-compatible server: the given one, one on PATH, the one that is installed with us
port.py     which port, whether it is free, whether pages come out of it
prepare.py  migrations, the starter model's row, the sign-in link (a process of its own: it loads Django)
web.py      uvicorn on the port the launcher holds
conduct.py  the order of it all
"""
