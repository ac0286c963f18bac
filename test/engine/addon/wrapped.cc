// A class and callbacks as addons write them: with node-addon-api and C++ exceptions.
#include <napi.h>

#include "addon.h"

namespace conformance {

namespace {

int alive = 0;

class Counter : public Napi::ObjectWrap<Counter> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Counter",
                       {InstanceMethod<&Counter::Add>("add"),
                        InstanceAccessor<&Counter::GetValue, &Counter::SetValue>("value"),
                        StaticMethod<&Counter::Alive>("alive"),
                        StaticValue("limit", Napi::Number::New(env, 100))});
  }

  explicit Counter(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Counter>(info) {
    if (!info[0].IsNumber()) throw Napi::TypeError::New(info.Env(), "a number was expected");
    value_ = info[0].As<Napi::Number>().DoubleValue();
    alive++;
  }
  ~Counter() override { alive -= value_ >= 0; }

 private:
  Napi::Value Add(const Napi::CallbackInfo& info) {
    value_ += info[0].ToNumber().DoubleValue();
    return info.This();
  }
  Napi::Value GetValue(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), value_);
  }
  void SetValue(const Napi::CallbackInfo&, const Napi::Value& value) {
    value_ = value.As<Napi::Number>().DoubleValue();
  }
  static Napi::Value Alive(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), alive);
  }

  double value_ = -1;  // so it stays if the constructor throws
};

// attempt(function): "caught " + the message of what it throws, after two C++ frames
Napi::Value Attempt(const Napi::CallbackInfo& info) {
  try {
    return info[0].As<Napi::Function>().Call({info[1]});
  } catch (const Napi::Error& error) {
    return Napi::String::New(info.Env(), "caught " + error.Message());
  }
}

// through(function): lets what it throws pass
Napi::Value Through(const Napi::CallbackInfo& info) {
  return info[0].As<Napi::Function>().Call({info[1]});
}

}  // namespace

void ExportWrapped(napi_env env, napi_value exports) {
  Napi::Object object(env, exports);
  object.Set("Counter", Counter::Define(env));
  object.Set("attempt", Napi::Function::New<Attempt>(env, "attempt"));
  object.Set("through", Napi::Function::New<Through>(env, "through"));
}

}  // namespace conformance
