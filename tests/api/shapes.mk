# The structs that api/handlers_shapes hands to and fro, as C.
SHAPES_H = $(BUILD)/gen/tests/api/shapes.h

$(SHAPES_H): tests/api/shapes/generate.py
	@mkdir -p $(@D)
	/usr/bin/python3 $< > $@.tmp
	@mv $@.tmp $@

$(BUILD)/tests/api/handlers_shapes: $(SHAPES_H)
$(BUILD)/tests/api/handlers_shapes: USER_CFLAGS += -Wno-psabi
