#Other libraries that `bench` compares with, in a module opened on demand(see peers_module.h).Each is found on its own;
#one that is absent is named at run time with its package.
add_library(denseshift_peers_module MODULE peers / absent.cpp peers /
            module.cpp) set_target_properties(denseshift_peers_module PROPERTIES OUTPUT_NAME denseshift_peers)
    target_link_libraries(denseshift_peers_module PRIVATE nlohmann_json::nlohmann_json)
        denseshift_own(denseshift_peers_module) foreach (_peer IN ITEMS OPENBLAS ONEDNN XNNPACK)
            target_compile_definitions(denseshift_peers_module PRIVATE DENSESHIFT_PEER_${_peer} = $ < BOOL
                                       : ${DENSESHIFT_PEER_${_peer}} >) endforeach() if (DENSESHIFT_PEER_OPENBLAS)
                target_sources(denseshift_peers_module PRIVATE peers /
                               openblas.cpp) target_include_directories(denseshift_peers_module SYSTEM PRIVATE ${
                    DENSESHIFT_OPENBLAS_INCLUDE}) target_link_libraries(denseshift_peers_module PRIVATE ${
                    DENSESHIFT_OPENBLAS_LIBRARY}) endif() if (DENSESHIFT_PEER_ONEDNN)
                    target_sources(denseshift_peers_module PRIVATE peers / onednn.cpp)
                        target_include_directories(denseshift_peers_module SYSTEM PRIVATE ${DENSESHIFT_ONEDNN_INCLUDE})
                            target_link_libraries(denseshift_peers_module PRIVATE ${DENSESHIFT_ONEDNN_LIBRARY})
                                endif() if (DENSESHIFT_PEER_XNNPACK)
                                    target_sources(denseshift_peers_module PRIVATE peers / xnnpack.cpp)
                                        target_include_directories(denseshift_peers_module SYSTEM PRIVATE ${
                                            DENSESHIFT_XNNPACK_INCLUDE} ${DENSESHIFT_PTHREADPOOL_INCLUDE})
                                            target_link_libraries(denseshift_peers_module PRIVATE ${
                                                DENSESHIFT_XNNPACK_LIBRARY} ${DENSESHIFT_PTHREADPOOL_LIBRARY}) endif()
                                                add_dependencies(denseshift denseshift_peers_module)
                                                    install(TARGETS denseshift_peers_module LIBRARY DESTINATION ${
                                                                CMAKE_INSTALL_LIBDIR} /
                                                            denseshift)
