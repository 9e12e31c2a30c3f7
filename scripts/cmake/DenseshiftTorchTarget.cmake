# denseshift_uses_torch(<target>): the precompiled LibTorch headers of denseshift_core for another target.
function(denseshift_uses_torch target)
  target_link_libraries(${target} PRIVATE denseshift::core)
  if(DENSESHIFT_PCH)
    # A precompiled header only fits code compiled the same way; executables would otherwise get -fPIE.
    get_target_property(_type ${target} TYPE)
    if(_type STREQUAL "EXECUTABLE")
      target_compile_options(${target} PRIVATE -fPIC)
    endif()
    target_precompile_headers(${target} REUSE_FROM denseshift_core)
  endif()
endfunction()
