# The part of the program that needs librsvg, opened on demand (see render_module.h).
add_library(denseshift_render_module MODULE render/module.cpp)
set_target_properties(denseshift_render_module PROPERTIES OUTPUT_NAME denseshift_render)
target_link_libraries(denseshift_render_module PRIVATE PkgConfig::RSVG)
denseshift_own(denseshift_render_module)
add_dependencies(denseshift denseshift_render_module)
install(TARGETS denseshift_render_module LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/denseshift)
