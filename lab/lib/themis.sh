# shellcheck shell=bash disable=SC2034 # names set here are used by other parts, or by `render`
# themis.sh: Themis in the lab: its database and keys, api, two engines and a witness on the controller, a host monitor
# on each host at each boot; and what the lab does to them. Sourced by `lab`. LAB_THEMIS=no leaves all of it out.
#
# Controllers read etc/themis/themis.conf and a small file of their own; a host has its own file and no password but the
# broker's. Engines reach Nova through nova_gate.py, which is transparent until `lab gate` arms it.

ENGINES="engine-1 engine-2"
THEMIS_DAEMONS="engine-1 engine-2 ctl-monitor themis-api nova-gate" # in the order in which to stop them

themis_up() {
  local ENGINE e program
  [[ $LAB_THEMIS == yes ]] || return 0
  for program in api engine hostmonitor manage; do
    [[ -x $THEMIS_BIN_DIR/themis-$program ]] || die "no $THEMIS_BIN_DIR/themis-$program: build it, or set THEMIS_BIN_DIR or LAB_THEMIS=no"
  done
  mkdir -p "$LAB/etc/themis/jws-keys"
  cp "$LAB"/etc/keystone/jws-keys/public/*.pem "$LAB/etc/themis/jws-keys/"
  themis_config
  once "broker-users-$LAB_HOSTS" broker_users
  for e in $ENGINES; do ENGINE=$e render themis-engine.conf.tmpl >"$LAB/etc/themis/$e.conf"; done
  themis_monitor_config ctl
  if [[ ! -e $LAB/etc/themis/fencing.key ]]; then
    themis_manage keys create "$LAB/etc/themis/fencing.key" || die "no key; see $LAB/log/themis-manage.log"
  fi
  themis_manage db sync || die "themis-manage db sync; see $LAB/log/themis-manage.log"
  launch ctl nova-gate /usr/bin/python3 -Bu "$HERE/nova_gate.py" "$P_GATE" "$P_NOVA" "$LAB/run/gate" "$HERE/lab"
  launch ctl themis-api "$THEMIS_BIN_DIR/themis-api" --config-file "$LAB/etc/themis/themis.conf"
  for e in $ENGINES; do engine_start "$e"; done
  monitor_start ctl
  wait_http "http://$CTL_IP:$P_HA/" 30
}
themis_manage() { in_net ctl "$THEMIS_BIN_DIR/themis-manage" --config-file "$LAB/etc/themis/themis.conf" "$@" >>"$LAB/log/themis-manage.log" 2>&1; }
themis_config() { # for the controller; with short periods, or the product's own
  { render themis.conf.tmpl
    case $LAB_PERIODS in
      short) render short-periods.tmpl ;;
      product) ;;
      *) die "LAB_PERIODS: short or product" ;;
    esac
    themis_networks ctl; } >"$LAB/etc/themis/themis.conf"
}
themis_periods() { # short|product
  local e
  themis_need
  [[ ${1:-} == short || ${1:-} == product ]] || die "periods short|product"
  [[ $1 != "$LAB_PERIODS" ]] || return 0
  LAB_PERIODS=$1
  save_settings "$LAB_HOSTS"
  themis_config
  # shellcheck disable=SC2086
  stop $ENGINES
  for e in $ENGINES; do engine_start "$e"; done
}
themis_networks() { # PLACE: the sections of its networks
  local k h list BIND_MANAGEMENT BIND_STORAGE BIND_TENANT PEERS_MANAGEMENT PEERS_STORAGE PEERS_TENANT
  for k in $NETS; do
    list=witness:controller=$(address "$k" ctl)
    for h in $(each_host); do list+=", $(hostname_of "$h")=$(address "$k" "$h")"; done
    printf -v "PEERS_${k^^}" %s "$list"
    printf -v "BIND_${k^^}" %s "$(address "$k" "$1")"
  done
  render networks.tmpl
}
themis_monitor_config() { # PLACE
  local HOST_NAME HOST_DIR=$LAB/hosts/$1 RUNTIME_DIR=$LAB/run/$1 WITNESS=false
  HOST_NAME=$(hostname_of "$1")
  if [[ $1 == ctl ]]; then WITNESS=true; fi
  [[ -L $HOST_DIR/serf ]] || ln -s "$(command -v serf)" "$HOST_DIR/serf"
  rm -rf "$RUNTIME_DIR"; mkdir -p "$RUNTIME_DIR" # /run is empty after a boot
  { render hostmonitor.conf.tmpl; themis_networks "$1"; } >"$LAB/etc/themis/$1.conf"
}
broker_users() { # one for each monitor, with the rights of docs/operators/bus.md; in one call, for each takes seconds
  local p host own asked='' code=''
  for p in ctl $(each_host); do
    host=$(hostname_of "$p")
    own="themis_hostmonitor([.]$host|_fanout(_.+)?)?"
    asked="{<<\"themis-$host\">>, <<\"^(themis|$own|themis_observations_fanout)$\">>,
      <<\"^(themis_hostmonitor([.]$host|_fanout_.+)?|themis_observations_fanout)$\">>, <<\"^(themis|$own)$\">>}"
    code+=${code:+, }$asked
  done
  rabbitctl eval "lists:foreach(fun({User, Configure, Write, Read}) ->
      case rabbit_auth_backend_internal:exists(User) of
        true -> ok;
        false -> rabbit_auth_backend_internal:add_user(User, <<\"$LAB_PASSWORD\">>, <<\"lab\">>)
      end,
      rabbit_auth_backend_internal:set_permissions(User, <<\"openstack\">>, Configure, Write, Read, <<\"lab\">>)
    end, [$code])." >>"$LAB/log/broker-users.log" 2>&1
}
themis_host_boot() { # hN
  [[ $LAB_THEMIS == yes ]] || return 0
  themis_monitor_config "$1"
  monitor_start "$1"
}
engine_start() { # NAME
  launch ctl "$1" "$THEMIS_BIN_DIR/themis-engine" --config-file "$LAB/etc/themis/themis.conf" --config-file "$LAB/etc/themis/$1.conf"
}
monitor_start() { launch "$1" "$1-monitor" "$THEMIS_BIN_DIR/themis-hostmonitor" --config-file "$LAB/etc/themis/$1.conf"; }
themis_leader() { # the engine that holds the lease; nothing when none does
  local holder e
  holder=$(echo "select holder from leases where name = 'engine'" | sql themis)
  for e in $ENGINES; do if [[ $holder == "$e"* ]]; then echo "$e"; fi; done
}

# ---- what is done to it
themis_need() { [[ $LAB_THEMIS == yes ]] || die "this lab was started with LAB_THEMIS=no"; }
themis_engine() { # NAME|leader VERB
  local name=$1
  themis_need
  [[ $# -eq 2 ]] || die "engine NAME|leader kill|stop|cont|start"
  if [[ $name == leader ]]; then
    name=$(themis_leader)
    [[ -n $name ]] || die "no engine leads"
  fi
  [[ " $ENGINES " == *" $name "* ]] || die "no engine '$name': $ENGINES, or leader"
  daemon_verb "$name" "$2" engine_start "$name"
  echo "$name"
}
themis_monitor() { # HOST VERB
  local h
  themis_need
  [[ $# -eq 2 ]] || die "monitor HOST kill|stop|cont|start"
  h=$(place "$1"); daemon_verb "$h-monitor" "$2" monitor_start "$h"
}
themis_agents() { # HOST dead|alive
  local h pid
  themis_need
  h=$(place "$1")
  case ${2:-} in
    dead)
      ln -sfn /nonexistent/serf "$LAB/hosts/$h/serf"
      for pid in $(pgrep --ns "$(pids_in "$h" | head -1)" --nslist net -x serf); do kill -KILL "$pid"; done ;;
    alive) ln -sfn "$(command -v serf)" "$LAB/hosts/$h/serf" ;;
    *) die "agents HOST dead|alive" ;;
  esac
}
themis_gate() { # crash-leader|off
  themis_need
  case ${1:-} in
    crash-leader) echo crash-leader >"$LAB/run/gate" ;;
    off) rm -f "$LAB/run/gate" ;;
    *) die "gate crash-leader|off" ;;
  esac
}
