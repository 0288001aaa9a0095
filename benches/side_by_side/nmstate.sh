# What nmstate would change, turned round. Where NetworkManager does not run, `gr` reads
# nothing by itself: it is given what `show` reads of the kernel.
nmstatectl show -k -q >/run/nmstate.yml
nmstatectl gr -q -c /run/nmstate.yml "$1"
