# What the scripts share. `figure` prints what is not compared.
export LC_ALL=C.UTF-8

figure() { echo "~ $*"; }

# eventually COMMAND…: until it succeeds, for at most a minute.
eventually() {
    local end=$((SECONDS + 60))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "never: $*"; return 1; }
        sleep 0.05
    done
}

# port NUMBER: somebody listens there.
port() { eventually bash -c ": </dev/tcp/127.0.0.1/$1"; }

# gone PID: it has ended.
gone() { ! kill -0 "$1"; }

# checked NAME COMMAND…: prints the status.
checked() {
    local name=$1
    shift
    "$@" >/tmp/checked.log 2>&1
    local status=$?
    [ $status = 0 ] || tail -n 20 /tmp/checked.log >&2
    echo "$name: status $status"
}
