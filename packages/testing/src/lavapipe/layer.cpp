// A Vulkan layer that lets Dawn take Mesa's lavapipe. Dawn wants to index arrays of sampled and storage
// images by computed numbers, which lavapipe before Mesa 23 does not offer and compute shaders over
// buffers do not use. The layer tells of both features, and takes them out again where a device is made.
//
// What it needs of Vulkan's ABI is written down here, so that building it takes no headers.
#include <cstdint>
#include <cstring>

namespace {

using Function = void (*)();
using GetProcAddr = Function (*)(void *, const char *);

/** What all structures of Vulkan begin with. */
struct Structure {
  int32_t type;
  void *next;
};

/** How the layers below are reached; of a device the third is vkGetDeviceProcAddr. */
struct Link {
  Link *next;
  GetProcAddr getInstanceProcAddr;
  GetProcAddr getDeviceProcAddr;
};

struct LinkInfo {
  int32_t type;
  LinkInfo *next;
  int32_t function;
  Link *link;
};

struct Features {
  uint32_t values[55];
};

struct Features2 {
  int32_t type;
  void *next;
  Features features;
};

struct DeviceCreateInfo {
  int32_t type;
  void *next;
  uint32_t flags;
  uint32_t queueCount;
  const void *queues;
  uint32_t layerCount;
  const void *layers;
  uint32_t extensionCount;
  const void *extensions;
  const Features *features;
};

constexpr int32_t instanceLink = 47;
constexpr int32_t deviceLink = 48;
constexpr int32_t features2 = 1000059000;
/** shaderSampledImageArrayDynamicIndexing and shaderStorageImageArrayDynamicIndexing. */
constexpr int added[] = {34, 36};

GetProcAddr instanceFunctions;
GetProcAddr deviceFunctions;

// The functions below, looked up while an instance is made: later the loader gives the topmost ones.
int32_t (*nextCreateDevice)(void *, DeviceCreateInfo *, const void *, void **);
void (*nextFeatures)(void *, Features *);
void (*nextFeatures2)(void *, Features2 *);

template <class Signature> void find(Signature &function, void *instance, const char *name) {
  function = reinterpret_cast<Signature>(instanceFunctions(instance, name));
}

void setTo(Features &features, uint32_t value) {
  for (int feature : added)
    features.values[feature] = value;
}

Link *takeLink(void *chain, int32_t type) {
  auto *info = static_cast<LinkInfo *>(chain);
  while (info->type != type || info->function != 0)
    info = info->next;
  Link *link = info->link;
  // The next layer takes its own.
  info->link = link->next;
  return link;
}

int32_t createInstance(Structure *info, const void *allocator, void **made) {
  instanceFunctions = takeLink(info->next, instanceLink)->getInstanceProcAddr;
  int32_t (*create)(Structure *, const void *, void **);
  find(create, nullptr, "vkCreateInstance");
  int32_t result = create(info, allocator, made);
  if (result != 0)
    return result;
  find(nextCreateDevice, *made, "vkCreateDevice");
  find(nextFeatures, *made, "vkGetPhysicalDeviceFeatures");
  find(nextFeatures2, *made, "vkGetPhysicalDeviceFeatures2");
  return 0;
}

void getFeatures(void *device, Features *features) {
  nextFeatures(device, features);
  setTo(*features, 1);
}

void getFeatures2(void *device, Features2 *features) {
  nextFeatures2(device, features);
  setTo(features->features, 1);
}

int32_t createDevice(void *device, DeviceCreateInfo *given, const void *allocator, void **made) {
  deviceFunctions = takeLink(given->next, deviceLink)->getDeviceProcAddr;
  DeviceCreateInfo info = *given;
  Features features;
  if (info.features) {
    features = *info.features;
    setTo(features, 0);
    info.features = &features;
  }
  for (auto *part = static_cast<Structure *>(info.next); part; part = static_cast<Structure *>(part->next))
    if (part->type == features2)
      setTo(reinterpret_cast<Features2 *>(part)->features, 0);
  return nextCreateDevice(device, &info, allocator, made);
}

} // namespace

extern "C" Function nablaDeviceProcAddr(void *device, const char *name) {
  if (!std::strcmp(name, "vkGetDeviceProcAddr"))
    return reinterpret_cast<Function>(nablaDeviceProcAddr);
  return deviceFunctions(device, name);
}

extern "C" Function nablaInstanceProcAddr(void *of, const char *name) {
  const struct {
    const char *name;
    Function function;
  } own[] = {
      {"vkGetInstanceProcAddr", reinterpret_cast<Function>(nablaInstanceProcAddr)},
      {"vkGetDeviceProcAddr", reinterpret_cast<Function>(nablaDeviceProcAddr)},
      {"vkCreateInstance", reinterpret_cast<Function>(createInstance)},
      {"vkCreateDevice", reinterpret_cast<Function>(createDevice)},
      {"vkGetPhysicalDeviceFeatures", reinterpret_cast<Function>(getFeatures)},
      {"vkGetPhysicalDeviceFeatures2", reinterpret_cast<Function>(getFeatures2)},
      {"vkGetPhysicalDeviceFeatures2KHR", reinterpret_cast<Function>(getFeatures2)},
  };
  for (const auto &entry : own)
    if (!std::strcmp(name, entry.name))
      return entry.function;
  return instanceFunctions ? instanceFunctions(of, name) : nullptr;
}
