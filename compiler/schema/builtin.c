/*
 * compiler/schema/builtin.c: the files that need no file.
 *
 * The well-known types and descriptor.proto, as text that is parsed when
 * something imports it and at no other time. The texts say what the files of
 * protobuf 3.21 say (names, numbers, options: a descriptor set must come out
 * equal), without comments. descriptor.proto is proto2, the only such file
 * there may be; it is here so that options can be extended.
 */
#include "compiler/schema/builtin.h"

#include <string.h>

/* descriptor.proto is longer than the literals C promises to hold; gcc and
 * clang hold it. */
#pragma GCC diagnostic ignored "-Woverlength-strings"

/* clang-format off */
static const char any_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"AnyProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/anypb\";\n"
    "option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message Any { string type_url = 1; bytes value = 2; }\n";

static const char source_context_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"SourceContextProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/sourcecontextpb\";\n"
    "option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message SourceContext { string file_name = 1; }\n";

static const char type_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "import \"google/protobuf/any.proto\";\n"
    "import \"google/protobuf/source_context.proto\";\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"TypeProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/typepb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message Type { string name = 1; repeated Field fields = 2;\n"
    "repeated string oneofs = 3; repeated Option options = 4;\n"
    "SourceContext source_context = 5; Syntax syntax = 6; }\n"
    "message Field { enum Kind { TYPE_UNKNOWN = 0; TYPE_DOUBLE = 1;\n"
    "TYPE_FLOAT = 2; TYPE_INT64 = 3; TYPE_UINT64 = 4; TYPE_INT32 = 5;\n"
    "TYPE_FIXED64 = 6; TYPE_FIXED32 = 7; TYPE_BOOL = 8; TYPE_STRING = 9;\n"
    "TYPE_GROUP = 10; TYPE_MESSAGE = 11; TYPE_BYTES = 12;\n"
    "TYPE_UINT32 = 13; TYPE_ENUM = 14; TYPE_SFIXED32 = 15;\n"
    "TYPE_SFIXED64 = 16; TYPE_SINT32 = 17; TYPE_SINT64 = 18; }\n"
    "enum Cardinality { CARDINALITY_UNKNOWN = 0;\n"
    "CARDINALITY_OPTIONAL = 1; CARDINALITY_REQUIRED = 2;\n"
    "CARDINALITY_REPEATED = 3; } Field.Kind kind = 1;\n"
    "Field.Cardinality cardinality = 2; int32 number = 3;\n"
    "string name = 4; string type_url = 6; int32 oneof_index = 7;\n"
    "bool packed = 8; repeated Option options = 9; string json_name = 10;\n"
    "string default_value = 11; } message Enum { string name = 1;\n"
    "repeated EnumValue enumvalue = 2; repeated Option options = 3;\n"
    "SourceContext source_context = 4; Syntax syntax = 5; }\n"
    "message EnumValue { string name = 1; int32 number = 2;\n"
    "repeated Option options = 3; } message Option { string name = 1;\n"
    "Any value = 2; } enum Syntax { SYNTAX_PROTO2 = 0; SYNTAX_PROTO3 = 1;\n"
    "}\n";

static const char api_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "import \"google/protobuf/source_context.proto\";\n"
    "import \"google/protobuf/type.proto\";\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"ApiProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/apipb\";\n"
    "option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message Api { string name = 1; repeated Method methods = 2;\n"
    "repeated Option options = 3; string version = 4;\n"
    "SourceContext source_context = 5; repeated Mixin mixins = 6;\n"
    "Syntax syntax = 7; } message Method { string name = 1;\n"
    "string request_type_url = 2; bool request_streaming = 3;\n"
    "string response_type_url = 4; bool response_streaming = 5;\n"
    "repeated Option options = 6; Syntax syntax = 7; } message Mixin {\n"
    "string name = 1; string root = 2; }\n";

static const char descriptor_text[] =
    "syntax = \"proto2\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"DescriptorProtos\";\n"
    "option optimize_for = SPEED;\n"
    "option go_package = \"google.golang.org/protobuf/types/descriptorpb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.Reflection\";\n"
    "message FileDescriptorSet { repeated FileDescriptorProto file = 1; }\n"
    "message FileDescriptorProto { optional string name = 1;\n"
    "optional string package = 2; repeated string dependency = 3;\n"
    "repeated int32 public_dependency = 10;\n"
    "repeated int32 weak_dependency = 11;\n"
    "repeated DescriptorProto message_type = 4;\n"
    "repeated EnumDescriptorProto enum_type = 5;\n"
    "repeated ServiceDescriptorProto service = 6;\n"
    "repeated FieldDescriptorProto extension = 7;\n"
    "optional FileOptions options = 8;\n"
    "optional SourceCodeInfo source_code_info = 9;\n"
    "optional string syntax = 12; } message DescriptorProto {\n"
    "message ExtensionRange { optional int32 start = 1;\n"
    "optional int32 end = 2; optional ExtensionRangeOptions options = 3;\n"
    "} message ReservedRange { optional int32 start = 1;\n"
    "optional int32 end = 2; } optional string name = 1;\n"
    "repeated FieldDescriptorProto field = 2;\n"
    "repeated FieldDescriptorProto extension = 6;\n"
    "repeated DescriptorProto nested_type = 3;\n"
    "repeated EnumDescriptorProto enum_type = 4;\n"
    "repeated DescriptorProto.ExtensionRange extension_range = 5;\n"
    "repeated OneofDescriptorProto oneof_decl = 8;\n"
    "optional MessageOptions options = 7;\n"
    "repeated DescriptorProto.ReservedRange reserved_range = 9;\n"
    "repeated string reserved_name = 10; }\n"
    "message ExtensionRangeOptions {\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; } message FieldDescriptorProto { enum Type {\n"
    "TYPE_DOUBLE = 1; TYPE_FLOAT = 2; TYPE_INT64 = 3; TYPE_UINT64 = 4;\n"
    "TYPE_INT32 = 5; TYPE_FIXED64 = 6; TYPE_FIXED32 = 7; TYPE_BOOL = 8;\n"
    "TYPE_STRING = 9; TYPE_GROUP = 10; TYPE_MESSAGE = 11;\n"
    "TYPE_BYTES = 12; TYPE_UINT32 = 13; TYPE_ENUM = 14;\n"
    "TYPE_SFIXED32 = 15; TYPE_SFIXED64 = 16; TYPE_SINT32 = 17;\n"
    "TYPE_SINT64 = 18; } enum Label { LABEL_OPTIONAL = 1;\n"
    "LABEL_REQUIRED = 2; LABEL_REPEATED = 3; } optional string name = 1;\n"
    "optional int32 number = 3;\n"
    "optional FieldDescriptorProto.Label label = 4;\n"
    "optional FieldDescriptorProto.Type type = 5;\n"
    "optional string type_name = 6; optional string extendee = 2;\n"
    "optional string default_value = 7; optional int32 oneof_index = 9;\n"
    "optional string json_name = 10; optional FieldOptions options = 8;\n"
    "optional bool proto3_optional = 17; } message OneofDescriptorProto {\n"
    "optional string name = 1; optional OneofOptions options = 2; }\n"
    "message EnumDescriptorProto { message EnumReservedRange {\n"
    "optional int32 start = 1; optional int32 end = 2; }\n"
    "optional string name = 1;\n"
    "repeated EnumValueDescriptorProto value = 2;\n"
    "optional EnumOptions options = 3;\n"
    "repeated EnumDescriptorProto.EnumReservedRange reserved_range = 4;\n"
    "repeated string reserved_name = 5; }\n"
    "message EnumValueDescriptorProto { optional string name = 1;\n"
    "optional int32 number = 2; optional EnumValueOptions options = 3; }\n"
    "message ServiceDescriptorProto { optional string name = 1;\n"
    "repeated MethodDescriptorProto method = 2;\n"
    "optional ServiceOptions options = 3; }\n"
    "message MethodDescriptorProto { optional string name = 1;\n"
    "optional string input_type = 2; optional string output_type = 3;\n"
    "optional MethodOptions options = 4;\n"
    "optional bool client_streaming = 5 [default = false];\n"
    "optional bool server_streaming = 6 [default = false]; }\n"
    "message FileOptions { enum OptimizeMode { SPEED = 1; CODE_SIZE = 2;\n"
    "LITE_RUNTIME = 3; } optional string java_package = 1;\n"
    "optional string java_outer_classname = 8;\n"
    "optional bool java_multiple_files = 10 [default = false];\n"
    "optional bool java_generate_equals_and_hash = 20 [deprecated = true];\n"
    "optional bool java_string_check_utf8 = 27 [default = false];\n"
    "optional FileOptions.OptimizeMode optimize_for = 9 [default = SPEED];\n"
    "optional string go_package = 11;\n"
    "optional bool cc_generic_services = 16 [default = false];\n"
    "optional bool java_generic_services = 17 [default = false];\n"
    "optional bool py_generic_services = 18 [default = false];\n"
    "optional bool php_generic_services = 42 [default = false];\n"
    "optional bool deprecated = 23 [default = false];\n"
    "optional bool cc_enable_arenas = 31 [default = true];\n"
    "optional string objc_class_prefix = 36;\n"
    "optional string csharp_namespace = 37;\n"
    "optional string swift_prefix = 39;\n"
    "optional string php_class_prefix = 40;\n"
    "optional string php_namespace = 41;\n"
    "optional string php_metadata_namespace = 44;\n"
    "optional string ruby_package = 45;\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; reserved 38; } message MessageOptions {\n"
    "optional bool message_set_wire_format = 1 [default = false];\n"
    "optional bool no_standard_descriptor_accessor = 2 [default = false];\n"
    "optional bool deprecated = 3 [default = false];\n"
    "optional bool map_entry = 7;\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; reserved 4, 5, 6, 8, 9; }\n"
    "message FieldOptions { enum CType { STRING = 0; CORD = 1;\n"
    "STRING_PIECE = 2; } enum JSType { JS_NORMAL = 0; JS_STRING = 1;\n"
    "JS_NUMBER = 2; }\n"
    "optional FieldOptions.CType ctype = 1 [default = STRING];\n"
    "optional bool packed = 2;\n"
    "optional FieldOptions.JSType jstype = 6 [default = JS_NORMAL];\n"
    "optional bool lazy = 5 [default = false];\n"
    "optional bool unverified_lazy = 15 [default = false];\n"
    "optional bool deprecated = 3 [default = false];\n"
    "optional bool weak = 10 [default = false];\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; reserved 4; } message OneofOptions {\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; } message EnumOptions {\n"
    "optional bool allow_alias = 2;\n"
    "optional bool deprecated = 3 [default = false];\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; reserved 5; } message EnumValueOptions {\n"
    "optional bool deprecated = 1 [default = false];\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; } message ServiceOptions {\n"
    "optional bool deprecated = 33 [default = false];\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; } message MethodOptions {\n"
    "enum IdempotencyLevel { IDEMPOTENCY_UNKNOWN = 0;\n"
    "NO_SIDE_EFFECTS = 1; IDEMPOTENT = 2; }\n"
    "optional bool deprecated = 33 [default = false];\n"
    "optional MethodOptions.IdempotencyLevel idempotency_level = 34 [default = IDEMPOTENCY_UNKNOWN];\n"
    "repeated UninterpretedOption uninterpreted_option = 999;\n"
    "extensions 1000 to max; } message UninterpretedOption {\n"
    "message NamePart { required string name_part = 1;\n"
    "required bool is_extension = 2; }\n"
    "repeated UninterpretedOption.NamePart name = 2;\n"
    "optional string identifier_value = 3;\n"
    "optional uint64 positive_int_value = 4;\n"
    "optional int64 negative_int_value = 5;\n"
    "optional double double_value = 6; optional bytes string_value = 7;\n"
    "optional string aggregate_value = 8; } message SourceCodeInfo {\n"
    "message Location { repeated int32 path = 1 [packed = true];\n"
    "repeated int32 span = 2 [packed = true];\n"
    "optional string leading_comments = 3;\n"
    "optional string trailing_comments = 4;\n"
    "repeated string leading_detached_comments = 6; }\n"
    "repeated SourceCodeInfo.Location location = 1; }\n"
    "message GeneratedCodeInfo { message Annotation {\n"
    "repeated int32 path = 1 [packed = true];\n"
    "optional string source_file = 2; optional int32 begin = 3;\n"
    "optional int32 end = 4; }\n"
    "repeated GeneratedCodeInfo.Annotation annotation = 1; }\n";

static const char duration_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"DurationProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/durationpb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message Duration { int64 seconds = 1; int32 nanos = 2; }\n";

static const char empty_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"EmptyProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/emptypb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message Empty { }\n";

static const char field_mask_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"FieldMaskProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/fieldmaskpb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message FieldMask { repeated string paths = 1; }\n";

static const char struct_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"StructProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/structpb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message Struct { map<string, Value> fields = 1; } message Value {\n"
    "oneof kind { NullValue null_value = 1; double number_value = 2;\n"
    "string string_value = 3; bool bool_value = 4;\n"
    "Struct struct_value = 5; ListValue list_value = 6; } }\n"
    "message ListValue { repeated Value values = 1; } enum NullValue {\n"
    "NULL_VALUE = 0; }\n";

static const char timestamp_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"TimestampProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/timestamppb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message Timestamp { int64 seconds = 1; int32 nanos = 2; }\n";

static const char wrappers_text[] =
    "syntax = \"proto3\"; package google.protobuf;\n"
    "option java_package = \"com.google.protobuf\";\n"
    "option java_outer_classname = \"WrappersProto\";\n"
    "option java_multiple_files = true;\n"
    "option go_package = \"google.golang.org/protobuf/types/known/wrapperspb\";\n"
    "option cc_enable_arenas = true; option objc_class_prefix = \"GPB\";\n"
    "option csharp_namespace = \"Google.Protobuf.WellKnownTypes\";\n"
    "message DoubleValue { double value = 1; } message FloatValue {\n"
    "float value = 1; } message Int64Value { int64 value = 1; }\n"
    "message UInt64Value { uint64 value = 1; } message Int32Value {\n"
    "int32 value = 1; } message UInt32Value { uint32 value = 1; }\n"
    "message BoolValue { bool value = 1; } message StringValue {\n"
    "string value = 1; } message BytesValue { bytes value = 1; }\n";

/* clang-format on */

#define BUILTIN(name)                                                          \
    {                                                                          \
        "google/protobuf/" #name ".proto", name##_text, sizeof name##_text - 1 \
    }

static const struct builtin {
    const char *name;
    const char *text;
    size_t len;
} builtins[] = {
    BUILTIN(any),      BUILTIN(api),       BUILTIN(descriptor),
    BUILTIN(duration), BUILTIN(empty),     BUILTIN(field_mask),
    BUILTIN(struct),   BUILTIN(timestamp), BUILTIN(source_context),
    BUILTIN(type),     BUILTIN(wrappers),
};

static const struct builtin *find(const char *name)
{
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
        if (strcmp(builtins[i].name, name) == 0)
            return &builtins[i];
    }
    return NULL;
}

const char *mf_builtin_text(const char *name, size_t *ret_len)
{
    const struct builtin *b = find(name);
    if (!b)
        return NULL;
    *ret_len = b->len;
    return b->text;
}

bool mf_builtin_is(const char *name)
{
    return find(name) != NULL;
}
