// Array buffers and typed arrays.
#include "addon.h"

namespace conformance {

namespace {

int released = 0;  // external buffers that were finalized

// buffer(length): filled with 1, 2, 3, ...
napi_value Buffer(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto length = static_cast<size_t>(ToDouble(env, call[0]));
  void* data = nullptr;
  napi_value buffer = nullptr;
  napi_status status = napi_create_arraybuffer(env, length, &data, &buffer);
  if (status != napi_ok) return Failure(env, status);
  for (size_t i = 0; i < length; i++) {
    auto* byte = static_cast<uint8_t*>(data) + i;
    if (*byte != 0) return String(env, "not zeroed");
    *byte = static_cast<uint8_t>(i + 1);
  }
  return buffer;
}

// external(length): memory of ours, filled with 9
napi_value External(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto length = static_cast<size_t>(ToDouble(env, call[0]));
  auto* data = new uint8_t[length];
  memset(data, 9, length);
  napi_value buffer = nullptr;
  napi_status status = napi_create_external_arraybuffer(
      env, data, length,
      [](napi_env, void* data, void*) {
        released++;
        delete[] static_cast<uint8_t*>(data);
      },
      nullptr, &buffer);
  return Result(env, status, buffer);
}

napi_value Released(napi_env env, napi_callback_info) { return Number(env, released); }

napi_value IsBuffer(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool is = false;
  napi_status status = napi_is_arraybuffer(env, call[0], &is);
  return Result(env, status, Boolean(env, is));
}

napi_value IsTyped(napi_env env, napi_callback_info info) {
  Call call(env, info);
  bool is = false;
  napi_status status = napi_is_typedarray(env, call[0], &is);
  return Result(env, status, Boolean(env, is));
}

// bufferSum(buffer): length and sum of the bytes
napi_value BufferSum(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* data = nullptr;
  size_t length = 0;
  napi_status status = napi_get_arraybuffer_info(env, call[0], &data, &length);
  if (status != napi_ok) return Failure(env, status);
  unsigned sum = 0;
  for (size_t i = 0; i < length; i++) sum += static_cast<uint8_t*>(data)[i];
  return String(env, std::to_string(length) + " " + std::to_string(sum));
}

// typed(type, length, buffer, offset)
napi_value Typed(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value array = nullptr;
  napi_status status = napi_create_typedarray(
      env, static_cast<napi_typedarray_type>(ToDouble(env, call[0])),
      static_cast<size_t>(ToDouble(env, call[1])), call[2],
      static_cast<size_t>(ToDouble(env, call[3])), &array);
  return Result(env, status, array);
}

// typedInfo(array): type, length, offset, first byte, and whether `buffer` is its buffer
napi_value TypedInfo(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_typedarray_type type;
  size_t length = 0, offset = 0;
  void* data = nullptr;
  napi_value buffer, expected;
  napi_status status =
      napi_get_typedarray_info(env, call[0], &type, &length, &data, &buffer, &offset);
  if (status != napi_ok) return Failure(env, status);
  bool same = false;
  napi_get_named_property(env, call[0], "buffer", &expected);
  napi_strict_equals(env, buffer, expected, &same);
  std::string text = std::to_string(type) + " " + std::to_string(length) + " " +
                     std::to_string(offset) + " ";
  if (length > 0) text += std::to_string(*static_cast<uint8_t*>(data));
  return String(env, text + (same ? "" : " another buffer"));
}

}  // namespace

void ExportBytes(napi_env env, napi_value exports) {
  Export(env, exports, "buffer", Buffer);
  Export(env, exports, "externalBuffer", External);
  Export(env, exports, "released", Released);
  Export(env, exports, "isBuffer", IsBuffer);
  Export(env, exports, "isTyped", IsTyped);
  Export(env, exports, "bufferSum", BufferSum);
  Export(env, exports, "typed", Typed);
  Export(env, exports, "typedInfo", TypedInfo);
}

}  // namespace conformance
