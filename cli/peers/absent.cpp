// Libraries that were not found when the module was built.

#include "cli/peers/peer.h"

namespace denseshift::peers {

#if !DENSESHIFT_PEER_OPENBLAS
Library openblas() { return {"openblas", "", "libopenblas-dev", nullptr, {}, {}}; }
#endif
#if !DENSESHIFT_PEER_ONEDNN
Library onednn() { return {"onednn", "", "libdnnl-dev", nullptr, {}, {}}; }
#endif
#if !DENSESHIFT_PEER_XNNPACK
Library xnnpack() { return {"xnnpack", "", "libxnnpack-dev", nullptr, {}, {}}; }
#endif

}  // namespace denseshift::peers
