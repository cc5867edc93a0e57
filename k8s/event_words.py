"""What the reasons of Kubernetes' events mean, in plain English and Brazilian Portuguese."""

from typing import Final

from k8s.diagnosis.case import Text

WORDS: Final[dict[str, Text]] = {
    # Placing pods
    "Scheduled": Text("A node was chosen for the pod", "Um nó foi escolhido para o pod"),
    "FailedScheduling": Text("No node can take the pod now", "Nenhum nó pode receber o pod agora"),
    "NotTriggerScaleUp": Text("More nodes would not help this pod", "Mais nós não ajudariam este pod"),
    "TriggeredScaleUp": Text("The cluster adds a node for the pod", "O cluster adiciona um nó para o pod"),
    "Preempted": Text(
        "The pod made room for a more important one", "O pod cedeu lugar a outro mais importante"
    ),
    "TaintManagerEviction": Text("The node may not keep the pod", "O nó não pode manter o pod"),
    "NodeReady": Text("The pod's node answers again", "O nó do pod voltou a responder"),
    "NodeNotReady": Text("The pod's node has stopped answering", "O nó do pod parou de responder"),
    "Evicted": Text(
        "The node put the pod out: it ran short of memory or disk",
        "O nó despejou o pod: faltou memória ou disco",
    ),
    "Eviction": Text("The pod was asked to leave its node", "Pediu-se ao pod que saísse do nó"),
    # Images
    "Pulling": Text("The node fetches the image", "O nó está baixando a imagem"),
    "Pulled": Text("The image is on the node", "A imagem está no nó"),
    "ErrImageNeverPull": Text(
        "The image is not on the node, which may not fetch it",
        "A imagem não está no nó, que não pode baixá-la",
    ),
    "InspectFailed": Text("The image's name cannot be understood", "O nome da imagem não pode ser entendido"),
    "ErrImagePull": Text("The image could not be fetched", "Não foi possível baixar a imagem"),
    "ImagePullBackOff": Text(
        "The image could not be fetched; waiting before the next try",
        "Não foi possível baixar a imagem; aguardando para tentar de novo",
    ),
    # Containers
    "Created": Text("The container is prepared", "O contêiner está preparado"),
    "Started": Text("The server's program was started", "O programa do servidor foi iniciado"),
    "Completed": Text("The work is done", "O trabalho terminou"),
    "BackoffLimitExceeded": Text("The work failed too often", "O trabalho falhou vezes demais"),
    "DeadlineExceeded": Text("It took longer than it may", "Demorou mais do que o permitido"),
    "Killing": Text("The container is being stopped", "O contêiner está sendo encerrado"),
    "BackOff": Text(
        "It failed before; waiting before the next try", "Falhou antes; aguardando para tentar de novo"
    ),
    "CrashLoopBackOff": Text(
        "The server keeps ending; waiting before the next start",
        "O servidor termina sempre; aguardando para reiniciar",
    ),
    "Failed": Text("The container could not be started", "Não foi possível iniciar o contêiner"),
    "FailedPostStartHook": Text(
        "What should run after the start failed", "O que deveria rodar após o início falhou"
    ),
    "FailedPreStopHook": Text(
        "What should run before the stop failed", "O que deveria rodar antes do fim falhou"
    ),
    "ExceededGracePeriod": Text(
        "It did not end in time and was ended by force", "Não terminou a tempo e foi encerrado à força"
    ),
    "OOMKilling": Text(
        "The node ended a program for want of memory", "O nó encerrou um programa por falta de memória"
    ),
    "SystemOOM": Text("The node itself ran out of memory", "O próprio nó ficou sem memória"),
    "SandboxChanged": Text(
        "The pod's surroundings changed; it is started again", "O ambiente do pod mudou; ele é reiniciado"
    ),
    "FailedCreatePodSandBox": Text(
        "The node could not prepare the pod's network", "O nó não conseguiu preparar a rede do pod"
    ),
    "FailedKillPod": Text("The node could not stop the pod", "O nó não conseguiu encerrar o pod"),
    "NetworkNotReady": Text("The node's network is not ready", "A rede do nó não está pronta"),
    # Checks
    "Unhealthy": Text(
        "A health check was not answered as it should be",
        "Uma verificação de saúde não recebeu a resposta esperada",
    ),
    "ProbeWarning": Text(
        "A health check answered oddly", "Uma verificação de saúde respondeu de forma estranha"
    ),
    "ProbeError": Text("A health check could not be made", "Não foi possível fazer uma verificação de saúde"),
    # Volumes and settings
    "FailedMount": Text(
        "A volume, ConfigMap or Secret could not be given to the pod",
        "Um volume, ConfigMap ou Secret não pôde ser entregue ao pod",
    ),
    "FailedAttachVolume": Text(
        "A disk could not be attached to the node", "Um disco não pôde ser ligado ao nó"
    ),
    "SuccessfulAttachVolume": Text("The disk is attached to the node", "O disco está ligado ao nó"),
    "FailedToRetrieveImagePullSecret": Text(
        "The registry's login is missing; pulling without it", "Falta o acesso ao registro; baixando sem ele"
    ),
    # Rollouts
    "ScalingReplicaSet": Text(
        "The number of pods of a revision changes", "O número de pods de uma revisão muda"
    ),
    "SuccessfulCreate": Text("A pod was created", "Um pod foi criado"),
    "SuccessfulDelete": Text("A pod was deleted", "Um pod foi excluído"),
    "FailedCreate": Text("The cluster refused to create a pod", "O cluster recusou criar um pod"),
    "FailedDelete": Text("A pod could not be deleted", "Um pod não pôde ser excluído"),
    "ReplicaSetCreateError": Text("The rollout could not begin", "A atualização não pôde começar"),
    "ProgressDeadlineExceeded": Text(
        "The rollout has made no progress for too long", "A atualização não avança há tempo demais"
    ),
    "DeploymentRollback": Text(
        "The deployment went back to an older revision", "A implantação voltou a uma revisão anterior"
    ),
    # Autoscaling
    "SuccessfulRescale": Text(
        "The autoscaler changed the number of replicas", "O autoescalador mudou o número de réplicas"
    ),
    "FailedRescale": Text(
        "The autoscaler could not change the number of replicas",
        "O autoescalador não conseguiu mudar o número de réplicas",
    ),
    "FailedGetResourceMetric": Text(
        "The autoscaler has no figures yet", "O autoescalador ainda não tem números"
    ),
    "FailedComputeMetricsReplicas": Text(
        "The autoscaler cannot work out a number of replicas",
        "O autoescalador não consegue calcular o número de réplicas",
    ),
    "FailedGetScale": Text(
        "The autoscaler does not find what it scales", "O autoescalador não encontra o que deve escalar"
    ),
    "InvalidSelector": Text(
        "The autoscaler cannot tell which pods are meant", "O autoescalador não sabe quais são os pods"
    ),
    # Addresses
    "FailedToUpdateEndpoint": Text(
        "The address could not be led to the pods", "O endereço não pôde ser ligado aos pods"
    ),
    "FailedToUpdateEndpointSlices": Text(
        "The address could not be led to the pods", "O endereço não pôde ser ligado aos pods"
    ),
    "FailedToCreateEndpoint": Text(
        "The address could not be led to the pods", "O endereço não pôde ser ligado aos pods"
    ),
    "PortAlreadyAllocated": Text(
        "The node port is taken by another service", "A porta do nó já pertence a outro serviço"
    ),
    "PortNotAllocated": Text(
        "The node port is not set aside; the cluster mends it",
        "A porta do nó não está reservada; o cluster corrige",
    ),
    "FailedToBind": Text("The node port could not be opened", "Não foi possível abrir a porta do nó"),
    "NoPods": Text(
        "Nothing is there to protect from eviction yet", "Ainda não há nada a proteger de despejo"
    ),
    "CalculateExpectedPodCountFailed": Text(
        "It cannot be said how many pods must stay up", "Não se sabe quantos pods devem ficar ativos"
    ),
}


def words_of(reason: str) -> Text | None:
    """What a reason means; None for one that is not in the table: its message must speak for itself."""
    return WORDS.get(reason)
