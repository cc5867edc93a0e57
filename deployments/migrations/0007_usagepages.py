from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        ("deployments", "0006_quota"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="deployment",
            index=models.Index(
                condition=Q(deleted_at=None), fields=["cluster", "team"], name="live_by_cluster_and_team"
            ),
        ),
        migrations.AddIndex(
            model_name="pod",
            index=models.Index(
                fields=[
                    "cluster",
                    "node",
                    "phase",
                    "deployment",
                    "cpu_request",
                    "memory_request",
                    "gpu_request",
                ],
                name="held_by_node",
            ),
        ),
    ]
