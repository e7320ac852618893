#include "image.h"

#include <elf.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace emu {

// The function that a local static variable belongs to, from its mangled name `_ZZ3addE4tile`
// or `_ZZ5helperPfE4tile`.
static std::string functionOf(const char *symbol) {
  if (strncmp(symbol, "_ZZ", 3)) return "";
  char *name;
  const unsigned long length = strtoul(symbol + 3, &name, 10);
  return length && length <= strlen(name) ? std::string(name, length) : "";
}

std::map<std::string, SharedRange> sharedMemoryOf(const char *object, uint64_t bytes) {
  std::map<std::string, SharedRange> result;
  if (bytes < sizeof(Elf64_Ehdr)) return result;
  const auto *header = reinterpret_cast<const Elf64_Ehdr *>(object);
  const auto *sections = reinterpret_cast<const Elf64_Shdr *>(object + header->e_shoff);
  const char *names = object + sections[header->e_shstrndx].sh_offset;
  int shared = -1;
  for (int i = 0; i < header->e_shnum; i++)
    if (!strcmp(names + sections[i].sh_name, "emu_shared")) shared = i;
  if (shared < 0) return result;
  for (int i = 0; i < header->e_shnum; i++) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const char *strings = object + sections[sections[i].sh_link].sh_offset;
    const auto *symbols = reinterpret_cast<const Elf64_Sym *>(object + sections[i].sh_offset);
    for (uint64_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); s++) {
      const Elf64_Sym &symbol = symbols[s];
      const std::string name = strings + symbol.st_name;
      if (symbol.st_shndx != shared || !symbol.st_size || name == "emuNoShared") continue;
      const uint64_t begin = symbol.st_value - sections[shared].sh_addr, end = begin + symbol.st_size;
      const auto [found, added] =
          result.insert({functionOf(name.c_str()), {begin, end, symbol.st_size}});
      if (added) continue;
      found->second.begin = std::min(found->second.begin, begin);
      found->second.end = std::max(found->second.end, end);
      found->second.used += symbol.st_size;
    }
  }
  return result;
}

}  // namespace emu
