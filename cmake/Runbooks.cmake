# runbooks/*.md become one generated source file of ec_report. The same file is the script that generates it.
if(CMAKE_SCRIPT_MODE_FILE)
  # PAGES: paths separated by '|'; OUT: the source to write.
  string(REPLACE "|" ";" PAGES "${PAGES}")
  set(rows "")
  foreach(page IN LISTS PAGES)
    get_filename_component(name "${page}" NAME)
    file(READ "${page}" text)
    if(text MATCHES "\\)RUNBOOK\"")
      message(FATAL_ERROR "${page}: may not contain )RUNBOOK\"")
    endif()
    string(APPEND rows "    {\"${name}\", R\"RUNBOOK(${text})RUNBOOK\"},\n")
  endforeach()
  file(WRITE "${OUT}" "// Generated from runbooks/*.md by cmake/Runbooks.cmake.
#include \"collector/report/builtin_runbooks.h\"

namespace ec {

const std::vector<BuiltinRunbook>& builtin_runbooks() {
  static const std::vector<BuiltinRunbook> kPages{
${rows}  };
  return kPages;
}

}  // namespace ec
")
  return()
endif()

file(GLOB EC_RUNBOOKS CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/runbooks/*.md)
list(FILTER EC_RUNBOOKS EXCLUDE REGEX "/README\\.md$")
string(REPLACE ";" "|" EC_RUNBOOK_ARGUMENT "${EC_RUNBOOKS}")
set(EC_RUNBOOK_SOURCE ${CMAKE_BINARY_DIR}/generated/builtin_runbooks.cc)
add_custom_command(OUTPUT ${EC_RUNBOOK_SOURCE}
  COMMAND ${CMAKE_COMMAND} "-DPAGES=${EC_RUNBOOK_ARGUMENT}" -DOUT=${EC_RUNBOOK_SOURCE} -P ${CMAKE_SOURCE_DIR}/cmake/Runbooks.cmake
  DEPENDS ${EC_RUNBOOKS} ${CMAKE_SOURCE_DIR}/cmake/Runbooks.cmake
  COMMENT "Runbooks into a source file"
  VERBATIM)
if(TARGET ec_report)
  target_sources(ec_report PRIVATE ${EC_RUNBOOK_SOURCE})
endif()
