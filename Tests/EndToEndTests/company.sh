#!/usr/bin/env bash
# The same request gives the same bytes alone and beside others of all kinds, large ones in tiles included.
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
start_server

queries=(
  'steps=1&seed=1' 'steps=2&seed=1' 'steps=2&seed=2' 'steps=3&seed=3&degradation=noisy,rainy'
  'steps=4&sampler=mr-sde&seed=7' 'steps=10&sampler=sde&seed=4' 'steps=2&seed=5&format=jpeg' 'steps=1&seed=6&tile=64&overlap=16'
)
restore_all() {
  local index clients=()
  for index in "${!queries[@]}"; do
    for file in "$picture" "$photograph"; do
      curl -s --max-time 150 -o "$work/$1-$index-$(basename "$file")" --fail -F "image=@$file" \
        "$url/restore?force=true&${queries[index]}" &
      clients+=($!)
      [ "$1" = together ] || wait "$!" || fail "refused: ${queries[index]}"
    done
  done
  [ "$1" != together ] || wait "${clients[@]}" || fail "one of them was refused"
}
restore_all alone
for round in 1 2; do
  restore_all together
  for index in "${!queries[@]}"; do
    for file in "$picture" "$photograph"; do
      name=$index-$(basename "$file")
      cmp "$work/alone-$name" "$work/together-$name" || fail "round $round: other bytes for ${queries[index]}"
    done
  done
done
metrics=$(curl -s "$url/metrics")
all=$(sed -n 's/^restored_batch_size_count //p' <<<"$metrics")
alone=$(sed -n 's/^restored_batch_size_bucket{le="1.0"} //p' <<<"$metrics")
[ "$alone" -lt "$all" ] || fail "no evaluation of $all was shared"
