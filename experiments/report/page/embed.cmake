# The page's style and script as a generated source.
set(_texts "")
foreach(_kind css js)
  set(_file ${CMAKE_CURRENT_LIST_DIR}/page.${_kind})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${_file})
  file(READ ${_file} _text)
  string(APPEND _texts "std::string page_${_kind}() { return R\"__page__(${_text})__page__\"; }\n\n")
endforeach()
set(DENSESHIFT_PAGE_SOURCE ${CMAKE_CURRENT_BINARY_DIR}/embedded_page.cpp)
file(WRITE ${DENSESHIFT_PAGE_SOURCE}.new
  "// Generated from experiments/report/page by CMake.\n"
  "#include \"experiments/report/page/page.h\"\n\n"
  "namespace denseshift::experiments {\n\n${_texts}}  // namespace denseshift::experiments\n")
file(COPY_FILE ${DENSESHIFT_PAGE_SOURCE}.new ${DENSESHIFT_PAGE_SOURCE} ONLY_IF_DIFFERENT)
