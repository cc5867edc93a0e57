#!/bin/sh
# From nothing to a model that answers, and back, over REST with curl alone.
#
#   TIMONEIRO_URL    where the product is, for instance http://127.0.0.1:8000
#   TIMONEIRO_TOKEN  a token with the scope deploy:
#                    ./dev manage token create --user deployer --scope deploy
#   TEAM, NAME       optional: the team, and the name to deploy as
#
# docs/rest.md explains each step. The script ends with a status other than 0 at the first surprise.
set -eu

url=${TIMONEIRO_URL:?set it to the address of the product}
token=${TIMONEIRO_TOKEN:?set it to a token with the scope deploy}
team=${TEAM:-pricing}
name=${NAME:-house-walk}
api=$url/api/v1
one=$api/teams/$team/deployments/$name

# call METHOD ADDRESS [JSON]: the answer's body; an HTTP error ends the script and shows the problem.
call() {
    method=$1 address=$2
    shift 2
    if [ $# -gt 0 ]; then set -- --header 'Content-Type: application/json' --data "$1"; fi
    curl --silent --show-error --fail-with-body --max-time 90 --request "$method" \
        --header "Authorization: Bearer $token" "$@" "$address"
}

# first KEY: the first value of that name in the JSON on standard input.
first() {
    grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d : -f 2- | tr -d '"'
}

# settled OPERATION: asks until the operation has ended; fails unless it succeeded.
settled() {
    tries=0
    while :; do
        state=$(call GET "$api/operations/$1/" | first state)
        case $state in
        succeeded) return 0 ;;
        failed | superseded) echo "operation $1 $state" >&2 && return 1 ;;
        esac
        tries=$((tries + 1))
        if [ "$tries" -ge 60 ]; then echo "operation $1 is still $state" >&2 && return 1; fi
        sleep 1
    done
}

echo "1. Who am I?"
call GET "$api/me/" | first username

echo "2. Create, and hold the answer up to 30 seconds"
answer=$(call POST "$api/teams/$team/deployments/?wait=30" "{
    \"name\": \"$name\",
    \"model\": \"house\",
    \"version\": \"1.0\",
    \"replicas\": 2,
    \"service\": {\"type\": \"NodePort\", \"port\": 5001}
}")
operation=$(echo "$answer" | first id)
echo "operation $operation: $(echo "$answer" | first state)"

echo "3. Poll the operation until it has ended"
settled "$operation"
call GET "$one/" | first message

echo "4. Scale to 3"
settled "$(call POST "$one/scale/?wait=30" '{"replicas": 3}' | first id)"
call GET "$one/" | first message

echo "5. Predict"
call POST "$one/predict/" '{
    "path": "/v1/models/house:predict",
    "method": "POST",
    "body": {"instances": [{"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2}]}
}'
echo

echo "6. Logs of all replicas"
call GET "$one/logs/?tail=5"
echo

echo "7. Roll out version 2.0"
settled "$(call PATCH "$one/?wait=30" '{"version": "2.0", "change_cause": "newer data"}' | first id)"
call GET "$one/" | first image

echo "8. Delete"
settled "$(call DELETE "$one/?wait=30" | first id)"
status=$(curl --silent --output /dev/null --write-out '%{http_code}' \
    --header "Authorization: Bearer $token" "$one/")
echo "reading it now answers $status"
test "$status" = 404
