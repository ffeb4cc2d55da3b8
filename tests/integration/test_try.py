import time
def test_x(waybill):
    t=time.time()
    r = waybill.executable("ingest", "/tmp/w/s.jsonl", "--format","json"); print(r.code, time.time()-t); t=time.time()
    r = waybill("status"); print(r.code, time.time()-t, r.text); t=time.time()
    r = waybill("workload", "--as-of","2026-06-01"); print(r.code, time.time()-t, r.text); t=time.time()
    r = waybill("workload", "--known-at","2026-06-01"); print(r.code, time.time()-t, r.text); t=time.time()
    r = waybill("frobnicate"); print(r.code, time.time()-t, r.err); t=time.time()
    r = waybill("ingest", "/tmp/w/s.jsonl"); print(r.code, time.time()-t, r.err[-200:]); t=time.time()
    assert 0
