#include "source.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

namespace emu {

// Comments as spaces, so that nothing in them is taken for code; positions stay.
static std::string withoutComments(std::string text) {
  enum { code, line, block, quoted } in = code;
  for (size_t i = 0; i < text.size(); i++) {
    const char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (in == code && c == '"') in = quoted;
    else if (in == quoted && c == '\\') i++;
    else if (in == quoted && c == '"') in = code;
    else if (in == code && c == '/' && (next == '/' || next == '*')) in = next == '/' ? line : block;
    else if (in == line && c == '\n') in = code;
    else if (in == block && c == '*' && next == '/') {
      text[i] = text[i + 1] = ' ';
      in = code;
    }
    if ((in == line || in == block) && c != '\n') text[i] = ' ';
  }
  return text;
}

struct Token {
  std::string text;
  size_t begin, end;
};

static bool isWord(char c) { return isalnum(static_cast<unsigned char>(c)) || c == '_'; }

// Words, string literals and single characters.
static std::vector<Token> tokensOf(const std::string &code) {
  std::vector<Token> tokens;
  for (size_t i = 0; i < code.size();) {
    size_t end = i + 1;
    if (isspace(static_cast<unsigned char>(code[i]))) {
      i++;
      continue;
    }
    if (isWord(code[i])) {
      while (end < code.size() && isWord(code[end])) end++;
    } else if (code[i] == '"') {
      while (end < code.size() && code[end] != '"') end += code[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, code.size());
    }
    tokens.push_back({code.substr(i, end - i), i, end});
    i = end;
  }
  return tokens;
}

// The token after the parentheses that open at `open`.
static size_t afterParentheses(const std::vector<Token> &tokens, size_t open) {
  int depth = 0;
  for (size_t i = open; i < tokens.size(); i++) {
    depth += tokens[i].text == "(" ? 1 : tokens[i].text == ")" ? -1 : 0;
    if (!depth) return i + 1;
  }
  return tokens.size();
}

// `extern __shared__ float tile[];` names the launch's dynamic shared memory.
static std::string withDynamicShared(const std::string &source, const std::vector<Token> &tokens) {
  std::string result;
  size_t done = 0;
  int depth = 0;
  for (size_t i = 0; i + 1 < tokens.size(); i++) {
    depth += tokens[i].text == "{" ? 1 : tokens[i].text == "}" ? -1 : 0;
    if (tokens[i].text != "extern" || tokens[i + 1].text != "__shared__") continue;
    size_t type = i + 2, end = type;
    // The memory is aligned as a launch aligns it, whatever is asked for.
    if (tokens[type].text == "__align__" || tokens[type].text == "alignas")
      type = afterParentheses(tokens, type + 1);
    while (end < tokens.size() && tokens[end].text != ";") end++;
    if (end == tokens.size() || end < type + 4 || tokens[end - 1].text != "]" ||
        tokens[end - 2].text != "[")
      continue;
    const std::string element = source.substr(tokens[type].begin, tokens[end - 4].end - tokens[type].begin);
    const std::string &name = tokens[end - 3].text;
    result += source.substr(done, tokens[i].begin - done);
    result += depth == 0 ? "static ::emu::DynamicShared<" + element + "> " + name + ";"
                         : element + " *const " + name + " = reinterpret_cast<" + element +
                               " *>(::emu::state.dynamicShared);";
    done = tokens[end].end;
    i = end;
  }
  return result + source.substr(done);
}

struct Declared {
  std::string name, maxThreads;
};

static std::vector<Declared> kernelsOf(const std::vector<Token> &tokens) {
  bool linkageBlock = false;
  std::vector<Declared> kernels;
  std::set<std::string> seen;
  for (size_t i = 0; i < tokens.size(); i++) {
    const auto at = [&](size_t index) { return index < tokens.size() ? tokens[index].text : ""; };
    linkageBlock |= at(i) == "extern" && at(i + 1) == "\"C\"" && at(i + 2) == "{";
    if (tokens[i].text != "__global__") continue;
    const bool direct = i >= 2 && at(i - 1) == "\"C\"" && at(i - 2) == "extern";
    std::string maxThreads = "0";
    size_t open = i + 1;
    while (open < tokens.size() && at(open) != "(") {
      if (at(open) == "__launch_bounds__") {
        if (isdigit(static_cast<unsigned char>(at(open + 2)[0]))) maxThreads = at(open + 2);
        open = afterParentheses(tokens, open + 1);
      } else {
        open++;
      }
    }
    // Without C linkage its name would be another one, as with NVRTC.
    if (!direct && !linkageBlock) continue;
    if (seen.insert(at(open - 1)).second) kernels.push_back({at(open - 1), maxThreads});
  }
  return kernels;
}

// A string literal of C++.
static std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result + "\"";
}

std::string moduleSource(const std::string &source, const std::string &name) {
  const std::vector<Token> tokens = tokensOf(withoutComments(source));
  const std::vector<Declared> kernels = kernelsOf(tokens);
  std::string result = "#line 1 " + quoted(name) + "\n" + withDynamicShared(source, tokens) +
                       "\n#line 1 \"emulator\"\n"
                       "extern \"C\" {\n"
                       "__attribute__((section(\"emu_shared\"), used)) char emuNoShared;\n"
                       "extern char __start_emu_shared[] __attribute__((visibility(\"hidden\")));\n"
                       "extern char __stop_emu_shared[] __attribute__((visibility(\"hidden\")));\n"
                       "extern const emu::Module emuModule __attribute__((visibility(\"default\")));\n"
                       "}\n"
                       "static const emu::Kernel emuKernels[] = {\n";
  for (const Declared &kernel : kernels)
    result += "  emu::describe<&" + kernel.name + ">(\"" + kernel.name + "\", " + kernel.maxThreads +
              "),\n";
  return result +
         "  {}};\n"
         "const emu::Module emuModule = {emu::abiVersion, " + quoted(name) +
         ", &emu::state, &emu::runtime, emuKernels, " +
         std::to_string(kernels.size()) + ", __start_emu_shared, __stop_emu_shared};\n";
}

}  // namespace emu
