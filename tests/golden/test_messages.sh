#!/bin/bash
# samples/messages prints what it should, and docs/messages.md shows what is in it.
set -u
build=${BUILD:-build}
failed=0
made=$(mktemp)
trap 'rm -f "$made"' EXIT

say() { # NUMBER NAME CODE
    [ "$3" = 0 ] && echo "ok $1 - $2" || { echo "not ok $1 - $2"; failed=1; }
}

"$build/samples/messages/messages" samples/messages/order.proto > "$made" 2>&1
diff - "$made" << 'END'
ada of London, 2 items, priority 0, card 4242, paid
  12 x gear
  1000 x card
grace of New York, 3 items
  0 x item 0
  1 x item 1
  2 x item 2
refused: field shop.Order.priority has a value but is not set
END
say 1 "the sample's output" $?

# each line of the page's C is a line of the sample
sed -n '/^```c$/,/^```$/p' docs/messages.md | grep -v '^```' | sort -u > "$made"
[ "$(wc -l < "$made")" -gt 15 ] && ! grep -Fxvf samples/messages/messages.c "$made"
say 2 "the page's code is the sample's" $?
echo "1..2"
exit $failed
