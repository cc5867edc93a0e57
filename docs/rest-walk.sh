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

# call METHOD ADDRESS [JSON]: the answer's body. An HTTP error shows the problem and ends the script.
call() {
    method=$1 address=$2
    shift 2
    if [ $# -gt 0 ]; then set -- --header 'Content-Type: application/json' --data "$1"; fi
    body=$(curl --silent --show-error --fail-with-body --max-time 90 --request "$method" \
        --header "Authorization: Bearer $token" "$@" "$address") || {
        echo "$method $address: $body" >&2
        exit 1
    }
    printf '%s\n' "$body"
}

# first KEY JSON: the first value of that name.
first() {
    printf '%s\n' "$2" | grep -o "\"$1\":[^,}]*" | head -n 1 | cut -d : -f 2- | tr -d '"'
}

# settle JSON: polls the operation of a write's answer until it has ended; it must have succeeded.
settle() {
    operation=$(first id "$1")
    tries=0
    while [ "$tries" -lt 60 ]; do
        answer=$(call GET "$api/operations/$operation/")
        state=$(first state "$answer")
        case $state in
        succeeded) return 0 ;;
        failed | superseded) break ;;
        esac
        tries=$((tries + 1))
        sleep 1
    done
    echo "operation $operation is $state: $answer" >&2
    exit 1
}

# show KEY: that part of the deployment as it is now.
show() {
    answer=$(call GET "$one/")
    first "$1" "$answer"
}

echo "1. Who am I?"
answer=$(call GET "$api/me/")
first username "$answer"

echo "2. Create, and hold the answer up to 30 seconds"
answer=$(call POST "$api/teams/$team/deployments/?wait=30" "{
    \"name\": \"$name\",
    \"model\": \"house\",
    \"version\": \"1.0\",
    \"replicas\": 2,
    \"service\": {\"type\": \"NodePort\", \"port\": 5001}
}")
echo "operation $(first id "$answer"): $(first state "$answer")"

echo "3. Poll the operation until it has ended"
settle "$answer"
show message

echo "4. Scale to 3"
answer=$(call POST "$one/scale/?wait=30" '{"replicas": 3}')
settle "$answer"
show message

echo "5. Predict"
call POST "$one/predict/" '{
    "path": "/v1/models/house:predict",
    "method": "POST",
    "body": {"instances": [{"lotsize": 5850, "bedrooms": 3, "bathrooms": 1, "stories": 2}]}
}'

echo "6. Logs of all replicas"
call GET "$one/logs/?tail=5"

echo "7. Roll out version 2.0"
answer=$(call PATCH "$one/?wait=30" '{"version": "2.0", "change_cause": "newer data"}')
settle "$answer"
show image

echo "8. Rehearse going back, and go back to revision 1"
answer=$(call POST "$one/rollback/?dry_run=true" '{"revision": 1}')
printf '%s\n' "$answer" | grep -o '"code":"dry_run","state":"[a-z]*"'
answer=$(call POST "$one/rollback/?wait=30" '{"revision": 1}')
settle "$answer"
show image

echo "9. Pause, and resume"
answer=$(call POST "$one/pause/?wait=30")
settle "$answer"
show message
answer=$(call POST "$one/resume/?wait=30")
settle "$answer"
show message

echo "10. Delete"
answer=$(call DELETE "$one/?wait=30")
settle "$answer"
status=$(curl --silent --output /dev/null --write-out '%{http_code}' \
    --header "Authorization: Bearer $token" "$one/")
echo "reading it now answers $status"
test "$status" = 404
